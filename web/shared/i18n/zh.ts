import type en from './en'
import bills from './zh/bills'
import caps from './zh/caps'
import certificates from './zh/certificates'
import changes from './zh/changes'
import domains from './zh/domains'
import logs from './zh/logs'
import people from './zh/people'
import problems from './zh/problems'
import shell from './zh/shell'
import statistics from './zh/statistics'
import tasks from './zh/tasks'
import top from './zh/top'
import words from './zh/words'

/** 两个门户共用的文字，每个主题一个文件。 */
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
} satisfies Record<keyof typeof en, string>
