from pg8000 import native

native.Connection("postgres", host="db").run("create table if not exists done (number int, square int)")
