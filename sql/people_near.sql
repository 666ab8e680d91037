-- people_near(who): everybody else, by the photo of theirs that is nearest to one of that person. No rows for a person who is not there.
-- One row per other person: person, distance, their id of the two photos, and other_id, the photo of the person asked for.
--   from people_near('Ann') order by distance limit 5;
create or replace macro people_near(who) as table
    with theirs as (
        select id, encoding::double[] as encoding from faces where person = who
    ),
    compared as (
        select other.person, other.id, theirs.id as other_id, face_distance(theirs.encoding, other.encoding) as distance
        from theirs
        cross join faces as other
        where other.person <> who
    )
    select
        person,
        min(distance) as distance,
        arg_min(id, distance) as id,
        arg_min(other_id, distance) as other_id
    from compared
    group by person;
comment on macro table people_near is 'everybody else, by the photo of theirs that is nearest to one of that person';
