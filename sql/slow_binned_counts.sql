-- slow_binned_counts(first_block, second_block, faces): binned_counts by face_distance alone, the slow road that anyone can read.
-- Give two blocks (0 to 63, the smaller first) for their pairs only, or nothing for all pairs. faces names another table,
-- view or common table expression with person and encoding than faces; bring photo along, or each row is its own photo.
-- One row per pair of blocks, same_person and bin that holds a pair, as in binned_counts.
--   from slow_binned_counts(first_block := 3, second_block := 7);
create or replace macro slow_binned_counts(first_block := null, second_block := null, faces := 'faces') as table
    with dealt as (
        select
            row_number() over () as face,
            person::varchar as person,
            encoding::double[] as encoding,
            person_block(person::varchar) as block,
            photo,
            count(*) over (partition by person) as person_faces,
            case when photo is null then 1 else count(*) over (partition by person, photo) end as in_photo
        from with_photo(faces := faces)
    ),
    weighed as (
        -- Each face of a person has a genuine pair with all others but those in its photo; the sum meets each pair twice.
        select *, sum(person_faces - in_photo) over (partition by person) / 2 as person_pairs from dealt
    ),
    pairs as (
        select
            least(a.block, b.block) as block_a,
            greatest(a.block, b.block) as block_b,
            a.person = b.person as same_person,
            distance_bin(face_distance(a.encoding, b.encoding)) as bin,
            case when a.person = b.person then 1 / a.person_pairs else 1 / (a.person_faces * b.person_faces) end as weight
        from weighed as a
        join weighed as b on a.face < b.face
        where
            (a.person = b.person and a.photo = b.photo) is not true
            and (first_block is null or least(a.block, b.block) = first_block)
            and (second_block is null or greatest(a.block, b.block) = second_block)
    )
    select block_a, block_b, same_person, bin, count(*) as pairs, sum(weight) as person_weight
    from pairs
    group by block_a, block_b, same_person, bin;
comment on macro table slow_binned_counts is 'binned_counts by face_distance alone, the slow road that anyone can read';
