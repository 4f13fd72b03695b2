/**
 * Virtual time. Whatever takes time is an event; events run one after another, each with all the
 * microtasks that follow from it, so that one seed is one interleaving.
 */
export class Scheduler {
  #nowMs = 0
  #leaptMs = 0
  #order = 0
  readonly #heap: Event[] = []

  get nowMs(): number {
    return this.#nowMs
  }

  /** Without the times in which nothing happened. */
  get activeMs(): number {
    return this.#nowMs - this.#leaptMs
  }

  at(atMs: number, run: () => void): Event {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: (this.#order += 1), run }
    push(this.#heap, event)
    return event
  }

  after(ms: number, run: () => void): Event {
    return this.at(this.#nowMs + ms, run)
  }

  /** A pause of nobody in particular: of a server, or of a wire. */
  delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve)
    })
  }

  /** Time passes in which nothing happens: what was to come, comes so much later. */
  leap(ms: number): void {
    this.#nowMs += ms
    this.#leaptMs += ms
    for (const event of this.#heap) event.atMs += ms
  }

  /** Runs events until `over` says so or none is left. */
  run(over: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          if (over()) return resolve()
          const event = pop(this.#heap)
          if (!event) return resolve()
          this.#nowMs = event.atMs
          event.run?.()
        } catch (error) {
          return reject(error)
        }
        // A tick that is asked for in a microtask comes when all microtasks are done.
        queueMicrotask(() => process.nextTick(step))
      }
      step()
    })
  }
}

/** `run` undefined was called off. */
export type Event = { atMs: number; readonly order: number; run: (() => void) | undefined }

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function push(heap: Event[], event: Event): void {
  let at = heap.length
  while (at > 0) {
    const above = (at - 1) >> 1
    if (!isBefore(event, heap[above]!)) break
    heap[at] = heap[above]!
    at = above
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (!top || heap.length === 0) return top
  let at = 0
  for (;;) {
    let below = at * 2 + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1
    if (!isBefore(heap[below]!, last!)) break
    heap[at] = heap[below]!
    at = below
  }
  heap[at] = last!
  return top
}
