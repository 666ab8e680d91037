-- person_block(person): which block of people of its group a person is dealt into: 64 * the number of the group, and more, as
-- table group_block says; null for a person of no group. It stands in place of the usual one while groups are compared.
--   select person_block('Ann') // 64;  -- Ann's group
create or replace macro person_block(person) as (select block from group_block where name = person);
comment on macro person_block is 'which block of people of its group a person is dealt into: 64 * the number of the group, and more, as table group_block says; null for a person of no group';
