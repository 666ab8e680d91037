-- pairs: the closest pairs of different people, one for any two, and the farthest pairs of one person, one for each; at most 60 of
-- each kind. Empty where analyze did not look for them: with --no-faces or a memory limit, or of many faces; facesql pairs finds
-- these and others.
-- One row per pair, in the order of kind (closest, farthest) and of distance; cutoff is the one that they are judged by.
--   from pairs where kind = 'closest' and distance <= cutoff;
create table if not exists pairs (
    kind varchar,
    cutoff double,
    distance double,
    id_a varchar,
    person_a varchar,
    id_b varchar,
    person_b varchar
);
comment on table pairs is 'the closest pairs of different people, one for any two, and the farthest pairs of one person, one for each; at most 60 of each kind';
comment on column pairs.kind is 'closest: of different people; farthest: of one person';
comment on column pairs.cutoff is 'the recommended cut-off, or else that of the first operating point that has one: a match is at most as far';
