-- person_block(person): which of 64 blocks a person is dealt into, 0 to 63. The same in every version of DuckDB, unlike hash().
-- Both faces of a same-person pair lie in one block, so to leave a block out is to leave people out.
--   select person_block('Ann');
create or replace macro person_block(person) as (md5_number_lower(person) % 64)::integer;
comment on macro person_block is 'which of 64 blocks a person is dealt into, 0 to 63';
