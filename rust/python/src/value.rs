//! JSON and TOML documents as plain Python values, without importing `json`, `re` or `tomllib` on the way of a command.

use crate::error::{Fault, Kind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// A text of the user's as documents hold it.
///
/// A `str` of Python carries a byte that is no UTF-8 as a lone surrogate (`os.fsdecode`). A JSON document has no place for
/// it: U+FFFD stands for each such byte, as in the documents of Go programs. Where the kernel takes bytes, take a `PathBuf`
/// or an `OsString`, which keep them.
pub struct Text(pub String);

impl<'a, 'py> FromPyObject<'a, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(text_of(&*object.cast::<PyString>()?)?))
    }
}

fn text_of(text: &Bound<'_, PyString>) -> PyResult<String> {
    if let Ok(text) = text.to_str() {
        return Ok(text.to_owned());
    }
    let encoded = text.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
    let units = encoded.extract::<&[u8]>()?.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    Ok(char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Convert a JSON value to `dict`, `list`, `str`, `int`, `float`, `bool` or `None`.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Number(number) => number_to_python(py, number)?,
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (key, member) in members {
                dict.set_item(key, to_python(py, member)?)?;
            }
            dict.into_any()
        }
    })
}

fn number_to_python<'py>(py: Python<'py>, number: &Number) -> PyResult<Bound<'py, PyAny>> {
    if let Some(integer) = number.as_i64() {
        return Ok(integer.into_pyobject(py)?.into_any());
    }
    if let Some(integer) = number.as_u64() {
        return Ok(integer.into_pyobject(py)?.into_any());
    }
    Ok(PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any())
}

/// Convert plain Python values (the reverse of [`to_python`], tuples count as lists) to a JSON value; texts as in [`Text`].
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = object.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::String(text_of(text)?));
    }
    if object.is_instance_of::<PyInt>() {
        return match object.extract::<i64>() {
            Ok(integer) => Ok(integer.into()),
            Err(_) => match object.extract::<u64>() {
                Ok(integer) => Ok(integer.into()),
                Err(_) => Err(Fault::new(Kind::Invalid, format!("{object}: value out of range")).into()),
            },
        };
    }
    if let Ok(float) = object.cast::<PyFloat>() {
        return Ok(Number::from_f64(float.value()).map_or(Value::Null, Value::Number));
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        let mut members = Map::with_capacity(dict.len());
        for (key, member) in dict.iter() {
            members.insert(text_of(key.cast::<PyString>()?)?, from_python(&member)?);
        }
        return Ok(Value::Object(members));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return object.try_iter()?.map(|item| from_python(&item?)).collect::<PyResult<Vec<_>>>().map(Value::Array);
    }
    Err(PyTypeError::new_err(format!("{} has no JSON form", object.get_type().name()?)))
}

/// Parse a JSON text. Raises InvalidError with line and column.
#[pyfunction]
fn parse_json<'py>(py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let parsed = match text.cast::<PyString>() {
        Ok(text) => serde_json::from_str::<Value>(&text_of(text)?),
        Err(_) => serde_json::from_slice::<Value>(text.extract::<&[u8]>()?),
    };
    to_python(py, &parsed.map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?)
}

/// Write plain values as JSON; `indent` spaces per level, or compact without it. Keys keep their order.
#[pyfunction]
#[pyo3(signature = (value, *, indent=None))]
fn dump_json(value: &Bound<'_, PyAny>, indent: Option<usize>) -> PyResult<String> {
    let value = from_python(value)?;
    let Some(indent) = indent else { return Ok(value.to_string()) };
    let unit = " ".repeat(indent);
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(&value, &mut serializer)
        .map_err(|error| Fault::new(Kind::Invalid, error.to_string()))?;
    String::from_utf8(out).map_err(|error| Fault::new(Kind::Invalid, error.to_string()).into())
}

/// Parse a TOML document, text or bytes, to a dict; dates become strings. Raises InvalidError with line and column.
#[pyfunction]
fn parse_toml<'py>(py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let invalid = |error: String| PyErr::from(Fault::new(Kind::Invalid, error));
    let text = match text.cast::<PyString>() {
        Ok(text) => text_of(text)?,
        Err(_) => String::from_utf8(text.extract()?).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            invalid(format!("line {}: invalid UTF-8", before.iter().filter(|byte| **byte == b'\n').count() + 1))
        })?,
    };
    let parsed: Value = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    to_python(py, &parsed)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_json, module)?)?;
    module.add_function(wrap_pyfunction!(dump_json, module)?)?;
    module.add_function(wrap_pyfunction!(parse_toml, module)?)?;
    Ok(())
}
