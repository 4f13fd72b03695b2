export function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}

/** Results in the order of the list, `most` under way at once. */
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
      results[index] = await act(list[index]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, list.length) }, one))
  return results
}
