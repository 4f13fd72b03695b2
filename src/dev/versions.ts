/**
 * The versions of every server of the chain, in one place. The poms under `connectors/`, the
 * Compose file and the launcher are held to these by a test.
 */
export const versions = {
  /** Not 4.3.0, 4.3.1 or 4.4.0: KAFKA-20734, see test/dev/broker-killed.kafka.test.ts. */
  kafka: '4.2.1',
  scala: '2.13',
  log4j: '2.25.4',
  debezium: '3.7.0.Final',
  apicurio: '2.6.13.Final',
  postgresImage: '15.18',
  redisImage: '7.4.9',
  /** Oldest releases that are taken from the path. */
  postgresMajorMin: 15,
  redisMajorMin: 7,
  javaMajorMin: 17,
} as const
