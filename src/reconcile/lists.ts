export function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}

export type Weighed<T> = {
  readonly most: number
  readonly weightMost: number
  readonly weightOf: (each: T) => number
}

/** Lists of at most `most`, and of `weightMost` together, but for one that is heavier by itself. */
export function weighedChunks<T>(
  list: readonly T[],
  { most, weightMost, weightOf }: Weighed<T>,
): T[][] {
  const found: T[][] = []
  let [open, weight]: [T[], number] = [[], 0]
  for (const each of list) {
    const more = weightOf(each)
    if (open.length > 0 && (open.length >= most || weight + more > weightMost)) {
      found.push(open)
      ;[open, weight] = [[], 0]
    }
    open.push(each)
    weight += more
  }
  return open.length > 0 ? [...found, open] : found
}

/**
 * Results in the order of the list, `most` under way at once. After one that fails no other is begun,
 * and it rejects when none is under way any more.
 */
export async function inTurns<T, R>(
  list: readonly T[],
  most: number,
  act: (each: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const one = async () => {
    while (next < list.length) {
      const index = next
      next += 1
      try {
        results[index] = await act(list[index]!)
      } catch (fault) {
        next = list.length
        throw fault
      }
    }
  }
  const lanes = Array.from({ length: Math.min(most, list.length) }, one)
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
  return results
}
