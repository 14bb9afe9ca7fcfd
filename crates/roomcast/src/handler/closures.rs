//! Async closures of up to eight parameters as handlers, by one macro for every kind of event.

/// Implements the trait `$handler` for closures whose parameters are `$source`s, taken out of a `$context` by `$take`.
macro_rules! closures_are_handlers {
    ($handler:ident, $context:ident, $source:ident::$take:ident) => {
        $crate::handler::closures_are_handlers! {
            @of $handler, $context, $source::$take:
            ()
            (A)
            (A, B)
            (A, B, C)
            (A, B, C, D)
            (A, B, C, D, E)
            (A, B, C, D, E, G)
            (A, B, C, D, E, G, H)
            (A, B, C, D, E, G, H, I)
        }
    };
    (
        @of $handler:ident, $context:ident, $source:ident::$take:ident:
        $(($($parameter:ident),*))*
    ) => {$(
        impl<F, Fut, $($parameter,)*> $handler<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: Serialize,
            $($parameter: $source,)*
        {
            #[allow(non_snake_case, reason = "the macro names a variable like its type")]
            fn call(&self, context: &mut $context<'_>) -> Result<HandlerFuture, Trouble> {
                $(let $parameter = $parameter::$take(context)?;)*
                let slot = context.answer_slot();
                let future = self($($parameter),*);
                Ok(Box::pin(async move { $crate::handler::finish(slot, &future.await) }))
            }
        }
    )*};
}

pub(crate) use closures_are_handlers;
