/** Knows of each ticket what has become of it, to tell why a correction was refused. */
export class Tickets {
  /** In which life of the store each was left. */
  readonly #lives = new Map<string, number>()
  /** `ticket entry` of rows that a commit has put or removed since. */
  readonly #overtaken = new Set<string>()

  left(ticket: string, lives: number): void {
    this.#lives.set(ticket, lives)
  }

  /** A commit has put or removed the row of an entry that had this ticket. */
  overtaken(ticket: string, entry: string): void {
    this.#overtaken.add(`${ticket} ${entry}`)
  }

  whyLost(ticket: string, entry: string, lives: number): string {
    if (this.#lives.get(ticket) !== lives) return 'the store had gone back to before its look'
    if (this.#overtaken.has(`${ticket} ${entry}`)) return 'a commit had put its row'
    return 'another had come before it'
  }
}
