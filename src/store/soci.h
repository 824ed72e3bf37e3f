#pragma once

// The one way to include SOCI, from .cpp files of this room only. Debian's SOCI announces Boost conversions in its
// headers; they are templates we do not use, and Boost is not among our dependencies.
#include <soci/soci-config.h>
#undef SOCI_HAVE_BOOST
#undef SOCI_HAVE_BOOST_DATE_TIME

#include <soci/mysql/soci-mysql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
