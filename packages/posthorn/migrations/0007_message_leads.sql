-- What is written for every message is found by its message's or its own id alone: these ids grow with time, so entries
-- are appended to an index instead of scattered over it by application, and a batch of ids is looked up as one list.
-- application_id stays in the keys, so that the tables can still be distributed by it.
alter table posthorn.delivery drop constraint delivery_pkey;
alter table posthorn.delivery add primary key (message_id, endpoint_id, application_id);

alter table posthorn.message_body drop constraint message_body_pkey;
alter table posthorn.message_body add primary key (message_id, application_id);

alter table posthorn.attempt drop constraint attempt_pkey;
alter table posthorn.attempt add primary key (id, application_id);
