import { helpOf, refuse, type Failure } from '../../src/plan/prepare.ts'

const step: Failure = {
  where: 'source',
  what: 'let role r read t',
  text: ['grant select on t to r;'],
  needs: undefined,
  reason: 'permission denied',
  hint: 'grant select on t to r;',
}

test('what somebody else has to run is shown as SQL, with who that is', () => {
  expect(helpOf(step)).toBe('The owner of the tables has to run:\n  grant select on t to r;')
  expect(helpOf({ ...step, hint: undefined, needs: 'a superuser' })).toBe(
    'Whoever has the right (a superuser) has to run:\n  grant select on t to r;',
  )
})

test('what is to be tried again, or is no SQL, says what to do', () => {
  const hint = 'Run it again when that is over: …'
  expect(helpOf({ ...step, hint })).toBe(`To let role r read t: ${hint}`)
  const connect = { ...step, where: 'connect', what: 'create connector c', hint: undefined }
  expect(helpOf(connect)).toBe('To create connector c: see above.')
})

test('everything that is in the way is said at once', () => {
  const fault = { where: 'source', table: 't', column: undefined, answered: true }
  expect(() => refuse([])).not.toThrow()
  expect(() =>
    refuse([
      { ...fault, what: 'one thing', cure: 'mend it' },
      { ...fault, what: 'another', cure: undefined },
    ]),
  ).toThrow("the views can't be kept so:\n  one thing\n    mend it\n  another")
})
