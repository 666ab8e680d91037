-- What tells whether the faces of a block are those that were compared before, and in the same way.
-- One row per block that has faces: block, faces (how many), and fingerprint, a text. hash() may change between versions of
-- DuckDB: then nothing is known, and all is compared anew.
-- Parameter: $compared, a text for how they are compared.
select
    person_block(person) as block,
    count(*) as faces,
    md5(concat_ws(' ', $compared, count(*), sum(hash(person, photo, encoding)::hugeint))) as fingerprint
from (select person, photo, encoding from with_photo())
group by block
order by block;
