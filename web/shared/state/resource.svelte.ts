import { ApiError } from '../api/client'

/** What a page shows of the API: the newest answer, why the last try failed, and whether one is under way. */
export class Resource<T> {
  value = $state.raw<T>()
  error = $state.raw<ApiError>()
  isLoading = $state(true)
  private again = $state(0)
  private readonly load: (signal: AbortSignal) => Promise<T>

  /**
   * Loads at once, whenever something reactive that `load` reads (before its first await) changes, and every `every`
   * milliseconds (a number, or what says it each time) while the page is seen. Make it while a component is set up; it ends with the component.
   */
  constructor(load: (signal: AbortSignal) => Promise<T>, every: number | (() => number) = 0) {
    this.load = load
    $effect(() => {
      void this.again
      const ending = new AbortController()
      let timer: ReturnType<typeof setTimeout> | undefined
      const run = async () => {
        if (document.hidden && this.value !== undefined) return schedule()
        await this.once(ending.signal)
        schedule()
      }
      const schedule = () => {
        const pause = typeof every === 'number' ? every : every()
        if (pause > 0 && !ending.signal.aborted) timer = setTimeout(run, pause)
      }
      const first = this.once(ending.signal)
      void first.then(schedule)
      return () => {
        ending.abort()
        clearTimeout(timer)
      }
    })
  }

  /** Loads anew: after a change. */
  reload(): void {
    this.again += 1
  }

  private async once(signal: AbortSignal): Promise<void> {
    const answer = this.load(signal)
    queueMicrotask(() => {
      if (!signal.aborted) this.isLoading = true
    })
    try {
      const value = await answer
      if (signal.aborted) return
      this.value = value
      this.error = undefined
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ApiError)) throw error
      this.error = error
    } finally {
      if (!signal.aborted) this.isLoading = false
    }
  }
}

/** One submission of a form: whether it is under way and why it was refused. */
export class Submission {
  isBusy = $state(false)
  problem = $state.raw<ApiError>()

  /** Runs the work unless it is under way; true when it was done. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.isBusy) return false
    this.isBusy = true
    this.problem = undefined
    try {
      await work()
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.problem = error
      return false
    } finally {
      this.isBusy = false
    }
  }

  at(pointer: string): string | undefined {
    return this.problem?.at(pointer)
  }
}
