-- slow_binned_counts(first_block, second_block, faces): binned_counts by list_distance alone, the slow road that anyone can read.
-- Give two blocks (0 to 63, the smaller first) for their pairs only, or nothing for all pairs. faces names another table,
-- view or common table expression with person and encoding than faces.
-- One row per pair of blocks, same_person and bin that holds a pair, as in binned_counts.
--   from slow_binned_counts(first_block := 3, second_block := 7);
create or replace macro slow_binned_counts(first_block := null, second_block := null, faces := 'faces') as table
    with dealt as (
        select
            row_number() over () as face,
            person::varchar as person,
            encoding::double[] as encoding,
            person_block(person::varchar) as block,
            count(*) over (partition by person) as photos
        from query_table(faces)
    ),
    pairs as (
        select
            least(a.block, b.block) as block_a,
            greatest(a.block, b.block) as block_b,
            a.person = b.person as same_person,
            distance_bin(face_distance(a.encoding, b.encoding)) as bin,
            case when a.person = b.person then 2 / (a.photos * (a.photos - 1)) else 1 / (a.photos * b.photos) end as weight
        from dealt as a
        join dealt as b on a.face < b.face
        where
            (first_block is null or least(a.block, b.block) = first_block)
            and (second_block is null or greatest(a.block, b.block) = second_block)
    )
    select block_a, block_b, same_person, bin, count(*) as pairs, sum(weight) as person_weight
    from pairs
    group by block_a, block_b, same_person, bin;
comment on macro table slow_binned_counts is 'binned_counts by list_distance alone, the slow road that anyone can read';
