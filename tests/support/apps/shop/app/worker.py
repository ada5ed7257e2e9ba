import redis
from pg8000 import native

queue = redis.Redis("redis")
db = native.Connection("postgres", host="db")
while True:
    _, number = queue.brpop("work")
    db.run("insert into done values (:number, :square)", number=int(number), square=int(number) ** 2)
