export function missingEffects(_: ReadonlyMap<string, number>): readonly string[] {
  return []
}
