-- How many people and faces are in each block.
-- One row per block that has faces: block, people, faces, and squares, the sum of each person's faces squared.
select block, count(*) as people, sum(faces)::bigint as faces, sum(faces * faces)::bigint as squares
from people
group by block
order by block;
