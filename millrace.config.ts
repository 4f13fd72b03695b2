/** Of this repository alone: `npm start` runs the example `social`. */
export { default } from './examples/social/millrace.config.ts'
