"""A Flask program and requests to it by its test client."""

import flask

app = flask.Flask(__name__)


def price(number):
    return number * 3


@app.get("/price/<int:number>")
def show(number):
    return {"price": price(number)}


def requests(count):
    client = app.test_client()
    return [client.get(f"/price/{number}").get_json()["price"] for number in range(count)]


if __name__ == "__main__":
    print(sum(requests(50)), app.test_client().get("/nowhere").status_code)
