-- Read by earlier releases only; each was written some eight times a run.
drop index runs_recent;
drop index runs_recent_by_place;
