-- Table group_block: into which block of people each person is dealt, where groups are compared. The blocks of a group stand
-- one after the other, from 64 * its number on; a group has $blocks of them, a divisor of 64.
-- One row per person: name, block.
-- Python registers table member: person and group_number.
create table group_block as
select person as name, (64 * group_number + person_block(person) % $blocks)::integer as block from member;
