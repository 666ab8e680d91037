-- What bounds the distances of the faces of table faces. Two faces are no farther apart than both together are from any one
-- point (the triangle inequality): from the mean of at most 1,000 faces, which lies in their midst, or from 0, to which encodings
-- of length 1 are nearer.
-- One row: distance (twice the largest Euclidean distance of a face from the one point or the other, whichever is less), square
-- (the largest squared length of an encoding, which an inner product cannot exceed), both null where there are no faces, and
-- numbers (how many an encoding has).
with sample as (
    select encoding::double[] as encoding from faces order by md5(id) limit 1000
),
numbers as (
    select unnest(encoding) as number, generate_subscripts(encoding, 1) as place from sample
),
means as (
    select place, avg(number) as mean from numbers group by place
),
middle as (
    select list(mean order by place) as point from means
),
wide as (
    select encoding::double[] as encoding from faces
)
select
    2 * least(max(list_distance(encoding, point)), sqrt(max(list_inner_product(encoding, encoding)))) as distance,
    max(list_inner_product(encoding, encoding)) as square,
    max(len(encoding)) as numbers
from wide
cross join middle;
