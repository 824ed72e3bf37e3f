import type en from '../en/top'

/** 一个域名被请求最多的内容。 */
export default {
  'top.title': '排行',
  'top.intro': '打开时从访问日志按整小时统计，最新的日志晚一两分钟。',
  'top.what': '统计对象',
  'top.what.url': 'URL',
  'top.what.referer': '来源站点（Referer）',
  'top.what.client': '客户端地址',
  'top.what.agent': 'User-Agent',
  'top.what.status': '状态码',
  'top.by': '排序依据',
  'top.class': '状态码类别',
  'top.shareOf.requests': '请求占比',
  'top.shareOf.bytes': '流量占比',
  'top.looked': '{from} 至 {to}，共 {requests} 次请求，{bytes}。',
  'top.cut': '上方所选时间超过 7 天，这里只统计最后 7 天。',
  'top.more': '≤ +{amount}',
  'top.moreMeans': '≤ +：不同的值太多，无法全部同时计数，实际值最多可能再多这么多。',
  'top.none': '无',
  'top.empty': '这段时间内没有日志。',
  'top.emptyOf': '这段时间内没有 {class} 的日志。',
  'top.counting': '正在读取日志，可能需要几秒。',
  'top.waiting': '正在为他人读取日志，稍后自动重试。',
  'top.tooMuch': '日志太多',
  'top.shorter': '请在上方选择更短的时间。',
} satisfies Record<keyof typeof en, string>
