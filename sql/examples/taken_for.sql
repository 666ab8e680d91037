-- taken_for: for whom is this person taken at a cut-off?
-- One row per other person who has a photo that matches, those taken most often first: pairs of photos, how many match (distance <=
-- cut-off), and their share in all pairs of the two.
--   facesql sql -f sql/examples/taken_for.sql --param person=Ann --param cutoff=0.6
set variable person = 'person_1525';
set variable cutoff = 0.5;

with compared as (
    select other.person, face_distance(theirs.encoding, other.encoding) <= getvariable('cutoff') as matches
    from faces as theirs
    cross join faces as other
    where theirs.person = getvariable('person') and other.person <> getvariable('person')
)
select person, count(*) as pairs, count(*) filter (matches) as matched, round(matched / pairs, 4) as share
from compared
group by person
having matched > 0
order by matched desc, person
limit 5;
