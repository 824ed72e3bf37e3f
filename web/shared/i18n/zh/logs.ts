import type en from '../en/logs'

/** 访问日志。 */
export default {
  'logs.title': '访问日志',
  'logs.intro': '每个计费的请求在其所属小时的日志中都有一行。小时按您的时区显示，文件名按 UTC。',
  'logs.empty': '这段时间内没有请求。',
  'logs.noDomain': '还没有域名。',
  'logs.period': '时间',
  'logs.period.1': '最近 24 小时',
  'logs.period.7': '最近 7 天',
  'logs.period.31': '最近 31 天',
  'logs.hour': '起始小时',
  'logs.lines': '行数',
  'logs.counted': '计费请求数',
  'logs.size': '大小',
  'logs.file': '文件',
  'logs.download': '下载',
  'logs.downloadOf': '下载从 {hour} 开始的一小时',
  'logs.format': '以制表符分隔的文本，用 zstd 压缩；链接有效期为一小时。读取文件：',
  'logs.complete': '完整',
  'logs.collecting': '收集中',
  'logs.gaps': '有缺失',
  'logs.lost': '节点丢失 {count} 行',
  'logs.removed': '因配额删除 {count} 行',
  'logs.missing': '{count} 行在途或缺失',
  'logs.and': '，',
} satisfies Record<keyof typeof en, string>
