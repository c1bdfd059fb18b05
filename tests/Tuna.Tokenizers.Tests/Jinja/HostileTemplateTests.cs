using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Tokenizers.Tests.Jinja;

/// <summary>A template is foreign code: it is stopped, refused and named, and never reaches beyond the conversation.</summary>
public class HostileTemplateTests
{
    private static readonly ChatTurn[] Question = [new("user", "Hi")];

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
        "takes too long")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for i in range(9999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "too much text")]
    [InlineData("{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %}", "too much text")]
    [InlineData("{{ 'x' * 9223372036854775807 }}", "too much text")]
    [InlineData("{{ [1] * 9223372036854775807 }}", "takes too long")]
    [InlineData("{{ 'x'.ljust(999999999999) }}", "too much text")]
    [InlineData("{{ 'a' | center(9999999999) }}", "too much text")]
    [InlineData("{{ ('a' * 9999).replace('a', 'b' * 99999) }}", "too much text")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        "nests too deeply")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson }}",
        "nests too deeply")]
    [InlineData(
        "{% set ns = namespace(x=[], y=[]) %}{% for i in range(999) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x "
        + "== ns.y }}", "nests too deeply")]
    [InlineData(
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson | length }}",
        "takes too long")]
    [InlineData("{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "nests too deeply")]
    [InlineData("{% macro m(n) %}{{ n(n) }}{% endmacro %}{{ m(m) }}", "nests too deeply")]
    [InlineData("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nests too deeply")]
    [InlineData("{{ range(99999999999) | list }}", "range has more than")]
    [InlineData("{{ range(-9223372036854775807, 9223372036854775807) }}", "range has more than")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "64 bits")]
    [InlineData("{{ 10 ** 1000 }}", "64 bits")]
    [InlineData("{{ 2 ** 9223372036854775807 }}", "64 bits")]
    [InlineData("{{ (-9223372036854775807 - 1) // -1 }}", "64 bits")]
    [InlineData("{{ messages.append(1) }}", "would change")]
    [InlineData("{{ messages[0].update({'role': 'system'}) }}", "would change")]
    [InlineData("{{ messages.__class__.__base__ }}", "is not there")]
    [InlineData("{{ raise_exception.__globals__['os'] }}", "not supported")]
    [InlineData("{{ raise_exception('Only one question.') }}", "Only one question.")]
    [InlineData("{{ [1, 2] | tojson(indent=999999) }}", "indent")]
    [InlineData("{{ 'a' | indent(999999) }}", "width")]
    [InlineData("{{ ''.join(range(3)) }}", "not text")]
    [InlineData("{{ strftime_now('%') }}", "'%'")]
    [InlineData("{{ strftime_now('%Q') }}", "%Q")]
    public void Render_WhatATemplateMustNot_IsStoppedAndNamed(string template, string why)
    {
        var fault = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render(Question));
        Assert.Contains(why, fault.Message, StringComparison.Ordinal);
        Assert.Equal(1, fault.Line);
    }

    [Theory]
    [InlineData("\n{% include 'secrets.txt' %}", "'include'")]
    [InlineData("\n{% import 'os' as os %}", "'import'")]
    [InlineData("\n{% from 'x' import y %}", "'from'")]
    [InlineData("\n{% extends 'base' %}", "'extends'")]
    [InlineData("\n{% block a %}{% endblock %}", "'block'")]
    [InlineData("\n{% do x %}", "'do'")]
    [InlineData("\n{% trans %}x{% endtrans %}", "'trans'")]
    [InlineData("\n{{ x | nosuch }}", "the filter 'nosuch'")]
    [InlineData("\n{{ x is nosuch }}", "the test 'nosuch'")]
    [InlineData("\n{{ f(**args) }}", "'**'")]
    public void Parse_UnknownConstruct_IsRefusedByNameAndLine(string template, string name)
    {
        string message = Assert.Throws<NotSupportedException>(() => ChatTemplate.Parse(template)).Message;
        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains("line 2", message, StringComparison.Ordinal);
    }

    // The texts are Jinja2's.
    [Theory]
    [InlineData("{{ m(*['x']) }}{{ m(*[1, 2]) }}{{ m(b=3, *[4]) }}{{ m(5, *(6,)) }}{{ m(*'ab') }}", "[xy][12][43][56][ab]")]
    [InlineData("{% set f = [m] %}{{ f[0](*[[7, 8]][0]) }}{{ '%s-%s'|format(*[1, 2]) }}", "[78]1-2")]
    public void Render_ArgumentsWithAStar_AreSpread(string template, string text) =>
        Assert.Equal(text, ChatTemplate.Parse("{% macro m(a, b='y') %}[{{ a }}{{ b }}]{% endmacro %}" + template).Render(Question));

    [Theory]
    [InlineData("{{ f(*a, *b) }}", "two arguments with '*'")]
    [InlineData("{{ f(*a, 1) }}", "follows one with '*'")]
    public void Parse_MisplacedStar_IsAFault(string template, string said) =>
        Assert.Contains(said, Assert.Throws<InvalidDataException>(() => ChatTemplate.Parse(template)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ a")]
    [InlineData("{% if a")]
    [InlineData("{# a")]
    [InlineData("{% raw %}")]
    [InlineData("{{ 'a }}")]
    [InlineData("{{ a) }}")]
    [InlineData("{{ [a }}")]
    [InlineData("{% if a %}")]
    [InlineData("{% endif %}")]
    [InlineData("{% break %}")]
    [InlineData("{{ a $ b }}")]
    [InlineData("{{ }}")]
    [InlineData("{% set loop = 1 %}")]
    [InlineData("{% set 1 = 1 %}")]
    [InlineData("{% for x %}{% endfor %}")]
    [InlineData("{{ '\\xZZ' }}")]
    public void Parse_DamagedTemplate_NamesTheLine(string template) =>
        Assert.Contains("line 1", Assert.Throws<InvalidDataException>(() => ChatTemplate.Parse(template)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Parse_DeepNesting_IsRefused()
    {
        foreach ((string open, string close) in ((string, string)[])[("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("{1:", "}"),
            ("a[", "]"), ("a(", ")")])
        {
            string template = "{{ " + string.Concat(Enumerable.Repeat(open, 50_000)) + "1" + string.Concat(Enumerable.Repeat(close, 50_000))
                + " }}";
            Assert.Throws<NotSupportedException>(() => ChatTemplate.Parse(template));
        }

        Assert.Throws<NotSupportedException>(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if a %}", 50_000))));
        Assert.Throws<NotSupportedException>(() =>
            ChatTemplate.Parse("{{ 1 " + string.Concat(Enumerable.Repeat("if 1 else 1 ", 50_000)) + " }}"));
    }

    [Theory]
    [InlineData("+ 1 ")]
    [InlineData("| trim ")]
    [InlineData(".a")]
    [InlineData("or 1 ")]
    [InlineData("is string ")]
    public void Render_LongChains_EndInATextOrAnError(string link)
    {
        ChatTemplate template;
        try
        {
            template = ChatTemplate.Parse("{{ messages " + string.Concat(Enumerable.Repeat(link, 50_000)) + " }}");
        }
        catch (Exception e) when (e is NotSupportedException or InvalidDataException)
        {
            return;
        }

        Assert.Throws<ChatTemplateException>(() => template.Render(Question));
    }

    [Fact]
    public void Render_JinjaInAMessage_IsText()
    {
        ChatTemplate template = ChatTemplate.Parse("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
        Assert.Equal("<user>{{ 7 * 7 }}{% include 'x' %}{#", template.Render([new("user", "{{ 7 * 7 }}{% include 'x' %}{#")]));
    }

    [Fact]
    public void Render_GenerationTag_SaysWhereTheAssistantSpeaks()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }};{% endgeneration %}{% else %}U:{{ "
            + "m.content }};{% endif %}{% endfor %}");
        using JsonDocument messages =
            JsonDocument.Parse(
            """[{"role":"user","content":"a"},{"role":"assistant","content":"bc"},{"role":"user","content":"d"},"""
                + """{"role":"assistant","content":""}]""");
        (string text, IReadOnlyList<(int Start, int End)> assistant) =
            template.Render(Tuna.Tokenizers.Jinja.JsonValues.Of(messages.RootElement), new ChatTemplateOptions());
        Assert.Equal(["bc;", ";"], assistant.Select(a => text[a.Start..a.End]));
    }
}
