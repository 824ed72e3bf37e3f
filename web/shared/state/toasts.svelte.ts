export interface Toast {
  id: number
  text: string
  tone: 'good' | 'bad'
}

const kShown = 5000
let next = 0

/** Short notes that something was done; what went wrong stands where it went wrong, not here. */
class Toasts {
  items = $state<Toast[]>([])

  show(text: string, tone: Toast['tone'] = 'good'): void {
    const id = ++next
    this.items.push({ id, text, tone })
    setTimeout(() => this.close(id), kShown)
  }

  close(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id)
  }
}

export const toasts = new Toasts()
