import { generate } from '../generator.ts'
import { motors } from './application.ts'

await generate(motors)
