CREATE SCHEMA millrace;

CREATE TABLE millrace.checkpoints (
    view text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    phase text NOT NULL,
    poured integer NOT NULL,
    next bigint NOT NULL,
    last_offset bigint,
    last_hash text,
    window_from bigint NOT NULL,
    window_at_ms bigint NOT NULL,
    at_ms bigint NOT NULL,
    key_schema integer,
    CONSTRAINT checkpoints_phase_check CHECK ((phase = ANY (ARRAY['pouring'::text, 'live'::text])))
);

COMMENT ON COLUMN millrace.checkpoints.next IS 'Offset of the next record to apply; moves in the transaction that applies what is before it.';

CREATE TABLE millrace.leases (
    view text NOT NULL,
    holder text NOT NULL,
    held_until timestamp with time zone NOT NULL
);

CREATE TABLE millrace.migrations (
    number integer NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE millrace.parked (
    view text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    key bytea,
    value bytea,
    phase text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT parked_phase_check CHECK ((phase = ANY (ARRAY['pour'::text, 'live'::text])))
);

CREATE TABLE millrace.problems (
    view text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    problem jsonb NOT NULL
);

CREATE TABLE millrace.views (
    view text NOT NULL,
    generation text NOT NULL,
    number integer NOT NULL,
    phase text NOT NULL,
    topics jsonb NOT NULL,
    watermark pg_lsn,
    barrier jsonb,
    mark jsonb,
    CONSTRAINT views_phase_check CHECK ((phase = ANY (ARRAY['building'::text, 'serving'::text, 'dropping'::text])))
);

COMMENT ON COLUMN millrace.views.generation IS 'Random id of one complete building of the view; every write names it.';

COMMENT ON COLUMN millrace.views.watermark IS 'Every change of the source that was committed before it is in the view.';

COMMENT ON COLUMN millrace.views.mark IS 'Why the view must be built anew.';

ALTER TABLE ONLY millrace.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (view, topic, partition);

ALTER TABLE ONLY millrace.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (view);

ALTER TABLE ONLY millrace.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY millrace.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (view, topic, partition, record_offset);

ALTER TABLE ONLY millrace.problems
    ADD CONSTRAINT problems_pkey PRIMARY KEY (view, topic, partition);

ALTER TABLE ONLY millrace.views
    ADD CONSTRAINT views_pkey PRIMARY KEY (view);
