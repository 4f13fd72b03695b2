/** Plays its share of schedules on a thread of its own, and answers with one message. */
import { parentPort, workerData } from 'node:worker_threads'
import { playAll } from './play-all.ts'
import type { Share, ShareAnswer } from './play-shared.ts'

const { failed, counts } = await playAll({ ...(workerData as Share), failuresMax: 1 })
const answer: ShareAnswer = { failedSeed: failed[0]?.schedule.seed, counts }
parentPort!.postMessage(answer, [])
