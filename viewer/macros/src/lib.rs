//! `view!`: the syntax of Leptos' macro, but an element is data (`ui/dom.rs` of the viewer), not a type of its own.
//!
//! Leptos makes a type of every element, its attributes and children, and each brings its own code to build, update, mount
//! and drop it. One type for all elements makes the page a seventh smaller.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use rstml::node::{KeyedAttribute, Node, NodeAttribute, NodeElement, NodeName};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Stmt};

/// Elements of SVG that can stand at the top of a view.
const SVG: [&str; 8] = ["svg", "path", "circle", "line", "rect", "g", "polyline", "text"];

type Result<T> = std::result::Result<T, Error>;

/// One element, or a list of views where several stand beside each other.
#[proc_macro]
pub fn view(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let made = rstml::parse2(tokens.into()).and_then(|nodes| nodes_of(&nodes));
    made.unwrap_or_else(|error| error.to_compile_error()).into()
}

fn nodes_of(nodes: &[Node]) -> Result<TokenStream> {
    if let [Node::Element(found)] = nodes {
        return element(found);
    }
    let views = nodes.iter().map(child).collect::<Result<Vec<_>>>()?;
    Ok(quote! { crate::ui::dom::fragment(vec![#(#views),*]) })
}

fn element(found: &NodeElement<rstml::Infallible>) -> Result<TokenStream> {
    let name = found.name().to_string();
    let at = found.name().span();
    let tag = LitStr::new(&name, at);
    let make = Ident::new(if SVG.contains(&name.as_str()) { "svg" } else { "html" }, at);
    let mut parts = Vec::new();
    for attribute in found.attributes() {
        let NodeAttribute::Attribute(attribute) = attribute else {
            return Err(Error::new(attribute.span(), "only `name=value` is known here"));
        };
        parts.push(part(attribute)?);
    }
    for node in found.children() {
        let view = child(node)?;
        parts.push(quote! { .child(#view) });
    }
    Ok(quote_spanned! { at => crate::ui::dom::Element::#make(#tag)#(#parts)* })
}

fn part(attribute: &KeyedAttribute) -> Result<TokenStream> {
    let key = &attribute.key;
    let name = key.to_string();
    let at = key.span();
    let value = attribute.value().map_or_else(|| quote! { true }, |value| quote! { #value });
    let text = |name: &str| LitStr::new(name, at);
    Ok(match name.split_once(':') {
        Some(("on", event)) => {
            let event = Ident::new(event, last_span(key));
            quote_spanned! { at => .on(::leptos::ev::#event, #value) }
        }
        Some(("class", name)) => {
            let name = text(name);
            quote! { .class(#name, #value) }
        }
        Some(("style", name)) => {
            let name = text(name);
            quote! { .style(#name, #value) }
        }
        Some(("prop", name)) => {
            let name = text(name);
            quote! { .prop(#name, #value) }
        }
        Some(_) => return Err(Error::new(at, "only on:, class:, style: and prop: are known here")),
        None if name == "node_ref" => quote! { .node_ref(#value) },
        None if name == "style" => match attribute.value() {
            // Text of a whole style is what the content security policy forbids.
            Some(Expr::Tuple(pair)) if pair.elems.len() == 2 => {
                let (name, value) = (&pair.elems[0], &pair.elems[1]);
                quote! { .style(#name, #value) }
            }
            _ => return Err(Error::new(at, "write style:NAME=value or style=(NAME, value)")),
        },
        None => {
            let name = text(&name);
            quote! { .set(#name, #value) }
        }
    })
}

fn last_span(key: &NodeName) -> Span {
    key.span()
}

fn child(node: &Node) -> Result<TokenStream> {
    match node {
        Node::Text(text) => {
            let text = &text.value;
            Ok(quote! { crate::ui::dom::text(#text) })
        }
        Node::Element(found) => {
            let element = element(found)?;
            Ok(quote! { crate::ui::dom::any(#element) })
        }
        Node::Block(block) => {
            let block = block.try_block().ok_or_else(|| Error::new(block.span(), "an expression is expected"))?;
            // Closures share the code that runs them again.
            if let [Stmt::Expr(Expr::Closure(closure), None)] = block.stmts.as_slice() {
                return Ok(quote! { crate::ui::dom::live(#closure) });
            }
            if let [Stmt::Expr(value, None)] = block.stmts.as_slice() {
                return Ok(quote! { crate::ui::dom::child!(#value) });
            }
            Ok(quote! { crate::ui::dom::child!(#block) })
        }
        other => Err(Error::new(other.span(), "only elements, texts and blocks are known here")),
    }
}
