import type { OperationKind } from './operations.ts'

/** What the traffic has done so far. */
export class Tally {
  rows = 0
  operations = 0
  retries = 0
  refusals = 0
  connectionsLost = 0
  /** How late the last operation began, and the latest of all. */
  behindMs = 0
  behindMaxMs = 0
  lastTrouble: string | undefined
  readonly rowsByKind = new Map<OperationKind, { operations: number; rows: number }>()

  done(kind: OperationKind, rows: number): void {
    this.rows += rows
    this.operations += 1
    const sum = this.rowsByKind.get(kind) ?? { operations: 0, rows: 0 }
    this.rowsByKind.set(kind, { operations: sum.operations + 1, rows: sum.rows + rows })
  }

  behind(ms: number): void {
    this.behindMs = ms
    this.behindMaxMs = Math.max(this.behindMaxMs, ms)
  }

  retried(): void {
    this.retries += 1
  }

  refused(why: string): void {
    this.refusals += 1
    this.lastTrouble = why
  }

  lost(why: string): void {
    this.connectionsLost += 1
    this.lastTrouble = why
  }
}
