#pragma once

/// YZ_ADDRESS_SANITIZER, YZ_THREAD_SANITIZER, YZ_MEMORY_SANITIZER: 1 where the code is built with that one, else 0;
/// YZ_SANITIZER with any of them. Memory that we keep for ourselves would hide from them what they look for.

#if defined(__has_feature)
#define YZ_HAS_FEATURE(name) __has_feature(name)
#else
#define YZ_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || YZ_HAS_FEATURE(address_sanitizer)
#define YZ_ADDRESS_SANITIZER 1
#else
#define YZ_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__) || YZ_HAS_FEATURE(thread_sanitizer)
#define YZ_THREAD_SANITIZER 1
#else
#define YZ_THREAD_SANITIZER 0
#endif

#if YZ_HAS_FEATURE(memory_sanitizer)
#define YZ_MEMORY_SANITIZER 1
#else
#define YZ_MEMORY_SANITIZER 0
#endif

#define YZ_SANITIZER (YZ_ADDRESS_SANITIZER || YZ_THREAD_SANITIZER || YZ_MEMORY_SANITIZER)
