import bills from './en/bills'
import caps from './en/caps'
import certificates from './en/certificates'
import changes from './en/changes'
import domains from './en/domains'
import logs from './en/logs'
import people from './en/people'
import problems from './en/problems'
import shell from './en/shell'
import statistics from './en/statistics'
import tasks from './en/tasks'
import top from './en/top'
import words from './en/words'

/** The texts of what both portals share, one file a subject. */
export default {
  ...bills,
  ...caps,
  ...certificates,
  ...changes,
  ...domains,
  ...logs,
  ...people,
  ...problems,
  ...shell,
  ...statistics,
  ...tasks,
  ...top,
  ...words,
}
