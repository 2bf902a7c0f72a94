from aerostack_dev.functions.pyodide import JsException as JsException
from aerostack_dev.functions.pyodide import JsProxy as JsProxy
from aerostack_dev.functions.pyodide import create_once_callable as create_once_callable
from aerostack_dev.functions.pyodide import create_proxy as create_proxy
from aerostack_dev.functions.pyodide import run_sync as run_sync
from aerostack_dev.functions.pyodide import to_js as to_js
