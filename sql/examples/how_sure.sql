-- how_sure: how probable is it that those who look like this person are this person? The share of one person among all pairs of the
-- report at their distance, which holds for comparisons like those of the report.
-- One row per other person, the nearest first: distance (no unit) of the nearest photos, that share, and the ends of its interval.
--   facesql sql -f sql/examples/how_sure.sql --from report --param person=Ann
set variable person = 'person_1525';

select
    person,
    id,
    other_id,
    round(near.distance, 3) as distance,
    round(same_person_share(near.distance), 4) as share,
    round(same_person_interval(near.distance).low, 4) as low,
    round(same_person_interval(near.distance).high, 4) as high
from people_near(getvariable('person')) as near
order by near.distance, person
limit 5;
