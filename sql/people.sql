-- people: who is in table faces, and how much of the result hangs on each: with n faces, n (n - 1) / 2 genuine pairs.
-- One row per person: person, block (0 to 63), faces, genuine_pairs.
--   select max(genuine_pairs) / sum(genuine_pairs) from people;  -- the largest person's share
create or replace view people as
    select
        person,
        person_block(person) as block,
        count(*) as faces,
        count(*) * (count(*) - 1) // 2 as genuine_pairs
    from faces
    group by person;
comment on view people is
    'who is in table faces, and how much of the result hangs on each: with n faces, n (n - 1) / 2 genuine pairs';
