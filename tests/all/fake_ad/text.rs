//! Values to their text and back: GUID, SID, times, base64.

/// Seconds from 1601, the FILETIME epoch, to 1970.
const FILETIME_EPOCH: u64 = 11_644_473_600;

/// Reads a GUID as `<GUID=…>` takes it: dashed text, or the 16 bytes as 32 hex digits. Returns the
/// bytes of objectGUID, whose first three groups are little-endian.
pub fn parse_guid(text: &str) -> Option<Vec<u8>> {
    let dashed = text.contains('-');
    let mut bytes = parse_hex(&text.replace('-', ""))?;
    if bytes.len() != 16 {
        return None;
    }
    if dashed {
        bytes[0..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
    }
    Some(bytes)
}

/// The dashed text of an objectGUID.
pub fn guid_text(guid: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::new();
    for (place, &at) in order.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&hex(guid.get(at..=at).unwrap_or_default()));
    }
    text
}

pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 0xF]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

pub fn parse_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// The bytes of `S-1-5-21-…` (MS-DTYP 2.4.2.2).
pub fn parse_sid(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.strip_prefix("S-1-")?.split('-');
    let authority: u64 = parts.next()?.parse().ok()?;
    let subs: Vec<u32> = parts.map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let mut sid = vec![1, u8::try_from(subs.len()).ok()?];
    sid.extend(&authority.to_be_bytes()[2..]);
    for sub in subs {
        sid.extend(sub.to_le_bytes());
    }
    Some(sid)
}

/// The last part of a SID, which tells accounts of a domain apart.
pub fn rid(sid: &[u8]) -> Option<u32> {
    let tail = sid.last_chunk::<4>()?;
    Some(u32::from_le_bytes(*tail))
}

/// `20270104080000.0Z`.
pub fn generalized_time(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days, after Hinnant's algorithm; eras of 400 years from 0000-03-01.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}.0Z")
}

/// 100 ns since 1601.
pub fn filetime(seconds: u64) -> i64 {
    i64::try_from((seconds + FILETIME_EPOCH) * 10_000_000).unwrap_or(i64::MAX)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for place in 0..4 {
            let index = bits >> (18 - 6 * place) & 63;
            let wanted = place <= chunk.len();
            text.push(if wanted {
                char::from(BASE64[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

pub fn parse_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text
        .bytes()
        .filter(|c| !c.is_ascii_whitespace() && *c != b'=')
    {
        let index = BASE64.iter().position(|&b| b == c)?;
        bits = bits << 6 | u32::try_from(index).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    Some(bytes)
}
