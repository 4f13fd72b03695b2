import { hostname } from 'node:os'
import { newHolder } from '../../src/roles/worker.ts'

test('workers with one host name and process id are told apart in the lease', () => {
  const holders = [newHolder(), newHolder()]
  for (const holder of holders) expect(holder).toContain(`${hostname()}:${process.pid}:`)
  expect(new Set(holders).size).toBe(2)
})
