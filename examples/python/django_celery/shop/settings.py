"""As little of Django's settings as a management command takes."""

SECRET_KEY = "only for the example"
INSTALLED_APPS = ["shop"]
USE_TZ = True
