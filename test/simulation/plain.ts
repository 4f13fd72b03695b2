/** A replacer for JSON.stringify, which knows neither integers of any length nor maps. */
export function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Map ? Object.fromEntries(value) : value
}
