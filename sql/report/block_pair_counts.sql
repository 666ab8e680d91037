-- block_pair_counts: the result of the self-join as it is stored. binned_counts shows it a row a bin.
-- One row per pair of blocks (block_a <= block_b) and same_person: pairs and person_weight a bin, from first_bin to the last
-- that has pairs; fingerprint tells whether it is of the same faces, compared in the same way, as a later run asks for.
create table if not exists block_pair_counts (
    block_a integer,
    block_b integer,
    same_person boolean,
    first_bin integer,
    pairs bigint[],
    person_weight float[],
    fingerprint varchar
);
comment on table block_pair_counts is 'the result of the self-join as it is stored';
