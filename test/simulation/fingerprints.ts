import type { World } from './world.ts'

/** What the simulation wrote into a fingerprint, read back. */
export type ReadFingerprint = {
  readonly history: string
  readonly publication: number
  readonly slot: number
  readonly tables: Readonly<Record<string, { readonly files: Readonly<Record<string, number>> }>>
  readonly topics: Readonly<Record<string, { readonly id: string; readonly partitions: number }>>
}

export function readFingerprint(text: string): ReadFingerprint {
  return JSON.parse(text) as ReadFingerprint
}

export function oidOf(world: World, table: string): string {
  return String(world.database.tables.get(table)!.oid)
}
