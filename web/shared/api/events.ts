import { ApiError, authHeaders } from './client'

export interface ServerEvent {
  name: string
  data: string
}

/** Takes the text of an event stream apart (WHATWG HTML §9.2); keeps what is not whole yet. */
export class EventParser {
  private rest = ''

  take(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replaceAll('\r\n', '\n').split('\n\n')
    this.rest = blocks.pop() ?? ''
    const out: ServerEvent[] = []
    for (const block of blocks) {
      const event: ServerEvent = { name: 'message', data: '' }
      const data: string[] = []
      for (const line of block.split('\n')) {
        if (line.startsWith('event:')) event.name = line.slice(6).trim()
        else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
      }
      if (data.length > 0) out.push({ ...event, data: data.join('\n') })
    }
    return out
  }
}

const kFirstWait = 500
const kLongestWait = 10_000

/** Comes back after the time, or when the signal ends it. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}

/**
 * Follows a stream of server-sent events until `take` answers false or the signal ends it; a lost connection is made
 * anew, later each time. `state` tells whether the stream is there. A refusal (4xx) ends it.
 */
export async function follow(url: string, signal: AbortSignal, take: (event: ServerEvent) => boolean | void, state: (isLive: boolean) => void = () => {}): Promise<void> {
  let wait = kFirstWait
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { headers: { Accept: 'text/event-stream', ...authHeaders(false) }, signal, credentials: 'same-origin' })
      if (response.status >= 400 && response.status < 500) return
      if (!response.ok || !response.body) throw new ApiError(response.status, {})
      state(true)
      wait = kFirstWait
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      const parser = new EventParser()
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        for (const event of parser.take(value)) {
          if (take(event) === false) return void reader.cancel()
        }
      }
    } catch {
      // Lost; tried again below.
    }
    if (signal.aborted) return
    state(false)
    await pause(wait, signal)
    wait = Math.min(wait * 2, kLongestWait)
  }
}
