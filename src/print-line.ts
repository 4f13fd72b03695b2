/** For the person or the program that runs a command; what goes wrong goes to standard error. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}
