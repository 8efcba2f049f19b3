//! Moments in the reader's zone.

use js_sys::Date;
use wasm_bindgen::JsValue;

/// Date and minute in the reader's zone; the text on hover names the zone and the moment in UTC.
pub fn local(rfc3339: &str) -> (String, String) {
    let date = Date::new(&JsValue::from_str(rfc3339));
    if date.get_time().is_nan() {
        return (perfcollect_shared::format::date(rfc3339), rfc3339.to_owned());
    }
    let text = format!(
        "{}-{:02}-{:02} {:02}:{:02}",
        date.get_full_year(),
        date.get_month() + 1,
        date.get_date(),
        date.get_hours(),
        date.get_minutes()
    );
    // Minutes that UTC is ahead of the zone.
    #[expect(clippy::cast_possible_truncation, reason = "at most a day")]
    let ahead = -date.get_timezone_offset() as i32;
    let sign = if ahead < 0 { '-' } else { '+' };
    let zone = format!("UTC{sign}{:02}:{:02}", ahead.abs() / 60, ahead.abs() % 60);
    (text, format!("your time ({zone}); {rfc3339}"))
}
