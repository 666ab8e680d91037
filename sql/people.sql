-- people: who is in table faces, and how much of the result hangs on each. n faces have n (n - 1) / 2 genuine pairs, less those
-- of two faces in one photo, which are not compared.
-- One row per person: person, block (0 to 63), faces, genuine_pairs.
--   select max(genuine_pairs) / sum(genuine_pairs) from people;  -- the largest person's share
create or replace view people as
    with photos as (
        select person, photo is null as alone, count(*) as faces from with_photo() group by person, photo
    )
    select
        person,
        person_block(person) as block,
        sum(faces)::bigint as faces,
        ((sum(faces) * sum(faces) - sum(case when alone then faces else faces * faces end)) // 2)::bigint as genuine_pairs
    from photos
    group by person;
comment on view people is 'who is in table faces, and how much of the result hangs on each';
