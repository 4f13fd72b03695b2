import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

let written = 0

/** The JSON in a file, or undefined when there is no such file. */
export function readFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export type WriteOptions = {
  /** Answers false, and writes nothing, when there is such a file already. */
  readonly exclusive?: boolean
}

/** Writes JSON, for its owner alone, so that a reader sees all of it or what was there before. */
export function writeFile(path: string, value: unknown, options: WriteOptions = {}): boolean {
  const unfinished = `${path}.${process.pid}.${++written}`
  writeFileSync(unfinished, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  if (options.exclusive !== true) {
    renameSync(unfinished, path)
    return true
  }
  try {
    linkSync(unfinished, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(unfinished)
  }
}

/** Not asked by `instanceof`: a test's realm has another Error than the system's calls throw. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
